/** Numbers in [0, 1) that a seed repeats (Lehmer), and the seed: `SEED` of the environment, or a random one. */
export function seeded(): { seed: number; random: () => number } {
  const seed = Number(process.env.SEED ?? 1 + Math.floor(Math.random() * 1_000_000))
  let state = seed
  const random = () => {
    state = (state * 48_271) % 2_147_483_647
    return state / 2_147_483_647
  }
  return { seed, random }
}

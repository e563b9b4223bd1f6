/** Makes a small picture of a screenshot: PNG with a palette (PNG specification, 3rd edition), which pages need no more than. */
import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex')
const MOST_COLOURS = 256
/** Bits of each colour that tell one from another while colours are counted. */
const BITS = 5
const RGB = 2
const RGBA = 6

interface Pixels {
  width: number
  height: number
  /** Red, green and blue of each pixel, row by row. */
  rgb: Buffer
}

/** @param png as Chromium writes it: eight bits a channel, not interlaced. What is transparent is taken for what is there. */
export function palettePng(png: Buffer): Buffer {
  const { width, height, rgb } = decode(png)
  const { palette, indexOf } = choose(rgb)
  // Each row begins with its filter: none.
  const rows = Buffer.alloc(height * (width + 1))
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = indexOf(rgb.readUIntBE((y * width + x) * 3, 3))
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 3], 8)
  const chunks = { IHDR: header, PLTE: palette, IDAT: deflateSync(rows, { level: 9 }), IEND: Buffer.alloc(0) }
  return Buffer.concat([SIGNATURE, ...Object.entries(chunks).map(([name, data]) => chunk(name, data))])
}

/** Width and height of a PNG. */
export const sizeOf = (png: Buffer): [number, number] => [png.readUInt32BE(16), png.readUInt32BE(20)]

function chunk(name: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(name), data])
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)]
  length.writeUInt32BE(data.length)
  check.writeUInt32BE(crc32(named))
  return Buffer.concat([length, named, check])
}

/** All colours where there are few, else the averages of the most frequent ones; and which of them stands for a colour. */
function choose(rgb: Buffer): { palette: Buffer; indexOf: (colour: number) => number } {
  const counts = new Map<number, number>()
  for (let at = 0; at < rgb.length; at += 3) {
    const colour = rgb.readUIntBE(at, 3)
    counts.set(colour, (counts.get(colour) ?? 0) + 1)
  }
  const chosen = counts.size <= MOST_COLOURS ? [...counts.keys()].map(channels) : averages(counts)
  const nearest = new Map<number, number>()
  const indexOf = (colour: number) => {
    const known = nearest.get(colour)
    if (known !== undefined) return known
    const [r, g, b] = channels(colour)
    const distances = chosen.map(([red, green, blue]) => (red - r) ** 2 + (green - g) ** 2 + (blue - b) ** 2)
    const index = distances.indexOf(Math.min(...distances))
    nearest.set(colour, index)
    return index
  }
  return { palette: Buffer.from(chosen.flat()), indexOf }
}

type Channels = [number, number, number]
const channels = (colour: number): Channels => [colour >> 16, (colour >> 8) & 255, colour & 255]

function averages(counts: ReadonlyMap<number, number>): Channels[] {
  const groups = new Map<number, { sum: Channels; count: number }>()
  for (const [colour, count] of counts) {
    const [r, g, b] = channels(colour)
    const key = ((r >> (8 - BITS)) << (2 * BITS)) | ((g >> (8 - BITS)) << BITS) | (b >> (8 - BITS))
    const { sum, count: before } = groups.get(key) ?? { sum: [0, 0, 0], count: 0 }
    groups.set(key, { sum: [sum[0] + r * count, sum[1] + g * count, sum[2] + b * count], count: before + count })
  }
  return [...groups.values()]
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_COLOURS)
    .map(({ sum, count }) => sum.map((one) => Math.round(one / count)) as Channels)
}

function decode(png: Buffer): Pixels {
  const [width, height] = sizeOf(png)
  const [depth, type, , , interlaced] = png.subarray(24, 29)
  if (depth !== 8 || (type !== RGB && type !== RGBA) || interlaced !== 0) throw new Error('This PNG is not as Chromium writes it.')
  const data: Buffer[] = []
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') data.push(png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  const size = type === RGBA ? 4 : 3
  const pixels = unfilter(inflateSync(Buffer.concat(data)), width * size, size)
  const rgb = Buffer.alloc(width * height * 3)
  for (let n = 0; n < width * height; n++) pixels.copy(rgb, n * 3, n * size, n * size + 3)
  return { width, height, rgb }
}

/** Takes back what each row is predicted from: the pixel to the left, the one above, or both. */
function unfilter(rows: Buffer, rowLength: number, size: number): Buffer {
  const height = rows.length / (rowLength + 1)
  const plain = Buffer.alloc(height * rowLength)
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (rowLength + 1)]
    for (let x = 0; x < rowLength; x++) {
      const at = y * rowLength + x
      const left = x < size ? 0 : (plain[at - size] ?? 0)
      const above = y === 0 ? 0 : (plain[at - rowLength] ?? 0)
      const corner = x < size || y === 0 ? 0 : (plain[at - rowLength - size] ?? 0)
      const predicted = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter ?? 0] ?? 0
      plain[at] = (rows[y * (rowLength + 1) + 1 + x] ?? 0) + predicted
    }
  }
  return plain
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner
  const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)]
  return a <= b && a <= c ? left : b <= c ? above : corner
}

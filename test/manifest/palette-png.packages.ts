/** Pictures lose bytes, and not what they show. */
import { crc32, deflateSync, inflateSync } from 'node:zlib'
import t from 'tap'
import { palettePng, sizeOf } from './palette-png.ts'

type Pixel = [number, number, number]

function chunk(name: string, data: Buffer): Buffer {
  const frame = Buffer.alloc(12 + data.length)
  frame.writeUInt32BE(data.length)
  frame.write(name, 4, 'latin1')
  data.copy(frame, 8)
  frame.writeUInt32BE(crc32(frame.subarray(4, 8 + data.length)), 8 + data.length)
  return frame
}

/** A picture of one row for each filter of PNG (none, sub, up, average, Paeth), as Chromium may write it. */
function picture(rows: readonly Pixel[][]): Buffer {
  const width = (rows[0] ?? []).length
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(rows.length, 4)
  header.set([8, 2], 8)
  const byte = (y: number, x: number) => (x < 0 || y < 0 ? 0 : (rows[y]?.flat()[x] ?? 0))
  const paeth = (a: number, b: number, c: number) => [a, b, c].sort((p, q) => Math.abs(a + b - c - p) - Math.abs(a + b - c - q))[0] ?? 0
  const lines = rows.flatMap((row, y) => [
    y,
    ...row.flat().map((value, x) => {
      const [left, above, corner] = [byte(y, x - 3), byte(y - 1, x), byte(y - 1, x - 3)]
      return (value - ([0, left, above, (left + above) >> 1, paeth(left, above, corner)][y] ?? 0)) & 255
    }),
  ])
  const chunks = [chunk('IHDR', header), chunk('IDAT', deflateSync(Buffer.from(lines))), chunk('IEND', Buffer.alloc(0))]
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...chunks])
}

/** The pixels of a picture with a palette, row by row. */
function read(png: Buffer): Pixel[][] {
  const [width, height] = sizeOf(png)
  const dataOf = (name: string) => {
    const at = png.indexOf(name, 8, 'latin1')
    return png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4))
  }
  const [palette, rows] = [dataOf('PLTE'), inflateSync(dataOf('IDAT'))]
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => [...palette.subarray((rows[y * (width + 1) + 1 + x] ?? 0) * 3).subarray(0, 3)] as Pixel),
  )
}

t.test('a picture of few colours stays as it is, however its rows were written', async (t) => {
  const rows: Pixel[][] = Array.from({ length: 5 }, (_, y) => Array.from({ length: 4 }, (_, x) => [y * 40, x * 60, (x + y) * 9]))
  t.strictSame(read(palettePng(picture(rows))), rows)
})

t.test('one of many colours keeps each within what an eye sees', async (t) => {
  const rows: Pixel[][] = Array.from({ length: 5 }, (_, y) => Array.from({ length: 200 }, (_, x) => [x, 255 - x, y * 3]))
  const kept = read(palettePng(picture(rows)))
  const off = rows.flatMap((row, y) => row.flatMap((pixel, x) => pixel.map((value, n) => Math.abs(value - (kept[y]?.[x]?.[n] ?? 999)))))
  t.ok(Math.max(...off) <= 12, `${Math.max(...off)} of 255`)
})

t.test('what Chromium does not write is refused', async (t) => {
  t.throws(() => palettePng(palettePng(picture([[[1, 2, 3]]]))), /not as Chromium writes it/)
})

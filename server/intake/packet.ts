/**
 * A packet is what the inbox keeps: all changes of one body (or stream batch) for one connection, a list in JSON, compressed when
 * that pays, sealed and bound to its row. It may hold contact data, so it never lies in the database readable.
 */
import { randomBytes } from 'node:crypto'
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { parseJson } from '../../connectors/parse-json.ts'
import type { Sealer } from '../connections/vault.ts'

export interface Packet {
  /** UUIDv7: handed out in time order, so the inbox grows at one end of its index. */
  id: string
  connectionId: number
  body: Buffer
  /** How many changes are inside. */
  changes: number
  receivedAt: Date
}

/** Below this many bytes compression costs more than it saves. */
const COMPRESS_FROM = 2048
const PLAIN = 0
const ZSTD = 1

/** Packs `changes` of one connection. `receivedAt` is milliseconds since the epoch. */
export function packChanges(sealer: Sealer, connectionId: number, changes: readonly unknown[], receivedAt: number): Packet {
  return packJson(sealer, connectionId, Buffer.from(JSON.stringify(changes)), changes.length, receivedAt)
}

/** Packs a list of `changes` changes of one connection that is JSON already. */
export function packJson(sealer: Sealer, connectionId: number, json: Buffer, changes: number, receivedAt: number): Packet {
  const id = uuidv7(receivedAt)
  const packed =
    json.length < COMPRESS_FROM ? Buffer.concat([Buffer.of(PLAIN), json]) : Buffer.concat([Buffer.of(ZSTD), zstdCompressSync(json)])
  return { id, connectionId, body: sealer.seal(packed, `packet:${id}`), changes, receivedAt: new Date(receivedAt) }
}

/** The changes of a stored packet. Throws `CodedError` when the body was tampered with or its key is unknown. */
export function unpackChanges(sealer: Sealer, packet: { id: string; body: Buffer }): unknown[] {
  const packed = sealer.open(packet.body, `packet:${packet.id}`)
  const json = packed[0] === ZSTD ? zstdDecompressSync(packed.subarray(1)) : packed.subarray(1)
  const changes = parseJson(json.toString())
  if (!Array.isArray(changes)) throw new SyntaxError('a packet holds a list')
  return changes
}

/** RFC 9562 version 7: 48 bits of milliseconds, then random. */
function uuidv7(now: number): string {
  const bytes = randomBytes(16)
  bytes.writeUIntBE(now, 0, 6)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x70
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}

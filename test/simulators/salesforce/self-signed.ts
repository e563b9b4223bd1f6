import { generateKeyPairSync, sign } from 'node:crypto'

/** A fresh key and a certificate for `localhost` that nobody vouches for, good for a day. */
export function selfSigned(): { key: Buffer; cert: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const ecdsaWithSha256 = der(0x30, der(0x06, [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]))
  const commonName = der(0x30, der(0x06, [0x55, 0x04, 0x03]), der(0x0c, Buffer.from('localhost')))
  const name = der(0x30, der(0x31, commonName))
  const instant = (at: number) => der(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`))
  const validity = der(0x30, instant(Date.now() - 3_600_000), instant(Date.now() + 86_400_000))
  const body = der(0x30, der(0x02, [1]), ecdsaWithSha256, name, validity, name, publicKey.export({ type: 'spki', format: 'der' }))
  const certificate = der(0x30, body, ecdsaWithSha256, der(0x03, [0], sign('sha256', body, privateKey)))
  const lines = certificate.toString('base64').replace(/(.{64})/g, '$1\n')
  return {
    key: Buffer.from(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    cert: Buffer.from(`-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`),
  }
}

/** A value in ASN.1's distinguished encoding: tag, length, content. */
function der(tag: number, ...content: (Uint8Array | number[])[]): Buffer {
  const body = Buffer.concat(content.map((part) => Uint8Array.from(part)))
  const { length } = body
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255]
  return Buffer.concat([Uint8Array.from([tag, ...size]), body])
}

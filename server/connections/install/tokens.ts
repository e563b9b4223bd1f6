/** Random words that stand for something in the database, of which only a hash is kept. */
import { createHash, randomBytes } from 'node:crypto'

/** 256 bits, in letters that a URL and a cookie take as they are. */
export const newToken = (): string => randomBytes(32).toString('base64url')

/** What is kept of a token: it is random, so a plain hash tells nothing. Also the PKCE challenge of a verifier (RFC 7636, S256). */
export const hashToken = (token: string): Buffer => createHash('sha256').update(token).digest()

import { hash } from 'node:crypto'

/** SHA-256 of the UTF-8 bytes, 64 lower-case hex characters. */
export const sha256 = (text: string): string => hash('sha256', text)

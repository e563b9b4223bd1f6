import { CodedError } from '../errors.ts'

/**
 * What is read; or what is taken instead, where Meta will never show it. Throws what may pass by itself, and with a `code` whatever has
 * another one.
 */
export async function unlessRefused<T>(read: () => Promise<T>, otherwise: T, code?: string): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof CodedError && error.retry === 'never' && (code === undefined || error.code === code)) return otherwise
    throw error
  }
}

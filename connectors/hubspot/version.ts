/**
 * HubSpot's date-based API version, used in every REST path. A version turns unsupported 18 months after it became
 * generally available (HubSpot, platform versioning): 2026-09 came on 8 September 2026.
 */
export const api = { version: '2026-09', sunset: '2028-03-08', baseUrl: 'https://api.hubapi.com' } as const

/** Of what the logo is made, below `manifest/`. */
export const logoSource = 'logo/leadstage.svg'

/**
 * Where it is uploaded, with its width and height in pixels: HubSpot's project and listing, Salesforce's listing, and the icon that
 * Meta's app review asks for (Meta, "Before you submit": 1024 × 1024).
 */
export const logos = {
  'hubspot/src/app/app-logo.png': 512,
  'logo/leadstage-800.png': 800,
  'logo/leadstage-512.png': 512,
  'logo/leadstage-1024.png': 1024,
}

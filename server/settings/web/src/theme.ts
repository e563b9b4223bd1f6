/** How the page looks: calm, at home in a CRM. One accent; colours of a status always stand beside words. */
import { createTheme, type MantineColorsTuple } from '@mantine/core'

const accent: MantineColorsTuple = [
  '#eef4fd',
  '#d9e6fa',
  '#b3cef5',
  '#8ab4f0',
  '#6ba2f2',
  '#2f7de0',
  '#0b5fcc',
  '#0a54b5',
  '#08499e',
  '#063b80',
]

/** Greys of the dark scheme, on the blue side like the rest. */
const dark: MantineColorsTuple = [
  '#e6ebf0',
  '#c3ccd5',
  '#a6b2be',
  '#7a8794',
  '#4a5764',
  '#35404d',
  '#232d38',
  '#1a222b',
  '#141b23',
  '#11171d',
]

export const theme = createTheme({
  colors: { accent, dark },
  primaryColor: 'accent',
  primaryShade: { light: 6, dark: 7 },
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, sans-serif',
  fontSizes: { xs: '12px', sm: '14px', md: '15px', lg: '17px', xl: '20px' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '22px', lineHeight: '1.3' },
      h2: { fontSize: '17px', lineHeight: '1.35' },
      h3: { fontSize: '15px', lineHeight: '1.4' },
    },
  },
  defaultRadius: 'md',
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    // Where there is little room, what a button says goes on in another line instead of being cut off.
    Button: {
      styles: {
        root: {
          display: 'inline-flex',
          alignItems: 'center',
          justifyContent: 'center',
          height: 'auto',
          minHeight: 'var(--button-height)',
          paddingBlock: 2,
        },
        label: { whiteSpace: 'normal', overflowWrap: 'break-word', overflow: 'visible', lineHeight: 1.25 },
      },
    },
    Modal: { styles: { title: { fontWeight: 600 } } },
    Drawer: { styles: { title: { fontWeight: 600 } } },
  },
})

import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

export default defineConfig({
  root: import.meta.dirname,
  // The document is served at `/page` and at `/page/<crm>`, its files below.
  base: '/page/',
  plugins: [react()],
  // Packages that are kept above this one would find another React there.
  resolve: { dedupe: ['react', 'react-dom'] },
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    target: 'es2022',
    // What is in a data URL has no name that changes with it, and no policy lets fonts come from one.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
})

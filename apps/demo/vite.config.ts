import { defineConfig } from 'vite'

const server = process.env.PARLEY_URL ?? 'http://localhost:7700'

export default defineConfig({
  base: './',
  resolve: { conditions: ['parley-source', 'module', 'browser', 'development|production'] },
  build: { target: 'es2022', outDir: 'dist', emptyOutDir: true },
  worker: { format: 'es' },
  server: {
    proxy: {
      '/v1': { target: server, ws: true },
      '/demo': { target: server },
    },
  },
})

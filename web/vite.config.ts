import { defineConfig } from "vite";

// The page's files go into the Python package; their names are stable, so that a rebuild shows
// in a diff what changed.
export default defineConfig({
  base: "/static/",
  build: {
    outDir: "../src/seggroup/server/static",
    emptyOutDir: true,
    target: "es2022",
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 1000, // one file: nothing of it is needed later than the rest
    rollupOptions: {
      output: {
        entryFileNames: "[name].js",
        chunkFileNames: "[name].js",
        assetFileNames: "[name][extname]",
      },
    },
  },
  worker: { format: "es", rollupOptions: { output: { entryFileNames: "[name].js" } } },
  server: { proxy: { "/api": "http://127.0.0.1:8737" } },
});

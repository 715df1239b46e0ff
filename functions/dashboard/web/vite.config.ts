import { defineConfig } from "vite";

// The server of `npm run dev` proxies everything except the page to a running `owsc serve`.
const SERVER = "http://127.0.0.1:8000";

export default defineConfig({
  build: {
    target: "es2022",
    // One script and one style sheet, and another pair for each view that is loaded on demand: the page stays small,
    // and has no inline script, which its policy would refuse.
    modulePreload: false,
    assetsInlineLimit: 0,
    emptyOutDir: true,
    // The API's documentation is a page of its own, with a library that the dashboard does not load.
    rolldownOptions: { input: ["index.html", "docs.html"] },
    chunkSizeWarningLimit: 2000,
  },
  server: {
    proxy: { "/api": SERVER, "/docs": SERVER, "/ws": { target: SERVER.replace("http", "ws"), ws: true } },
  },
});

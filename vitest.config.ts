import { defineConfig } from 'vitest/config';

export default defineConfig({
  resolve: { conditions: ['@batonmq/source'] },
  ssr: { resolve: { conditions: ['@batonmq/source'] } },
  test: {
    include: ['{packages,apps,tooling}/*/{src,test}/**/*.test.ts'],
    reporters: ['default', './tooling/setup/count-reporter.mjs'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});

import { defineConfig } from 'vitest/config';

const conditions = ['@batonmq/source'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    reporters: ['default', './tooling/setup/count-reporter.mjs'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    projects: [
      {
        extends: true,
        test: {
          name: 'parts',
          include: ['{packages,apps,tooling}/*/{src,test}/**/*.test.ts'],
          exclude: ['tooling/e2e/test/**'],
        },
      },
      {
        extends: true,
        test: {
          // Whole systems measure time and fill machines: alone, one after the other, at the end.
          name: 'systems',
          include: ['tooling/e2e/test/**/*.test.ts'],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});

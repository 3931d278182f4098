import tests from './playwright.config';

// What the pages cost, one measurement at a time; the figures are for reading, and `cargo xtask bench window` reads them.
export default { ...tests, testDir: 'bench', testMatch: '*.bench.ts', workers: 1, reporter: [['dot']] };

declare global {
  /** Whether this build may invent an agent: the development server and the browser tests. */
  const __FAKE_HOST__: boolean;
}

export {};

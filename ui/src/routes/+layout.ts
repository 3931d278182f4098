// The window has no server; every page is drawn from what the host says.
export const ssr = false;
export const prerender = false;

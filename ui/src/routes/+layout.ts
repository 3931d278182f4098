// The window has no server; every page is drawn from what the host says.

import { Settings } from '$lib/state/settings.svelte';

export const ssr = false;
export const prerender = false;

// Before the first page, so that it is not drawn in one language and then in another.
export const load = async () => ({ settings: await Settings.open(window) });

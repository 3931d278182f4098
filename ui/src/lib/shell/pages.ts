// The pages of the window. A page that is not built yet is not listed: nothing here leads nowhere.

import ListChecks from '@lucide/svelte/icons/list-checks';
import Pickaxe from '@lucide/svelte/icons/pickaxe';
import type { Component } from 'svelte';
import { t } from '$lib/messages/en';

/** One entry of the sidebar. */
export interface Page {
  path: string;
  name: string;
  icon: Component<{ size?: number; strokeWidth?: number }>;
}

/** Groups are drawn with a line between them. */
export const PAGES: Page[][] = [
  [
    { path: '/', name: t.shell.rig, icon: Pickaxe },
    { path: '/jobs', name: t.shell.jobs, icon: ListChecks },
  ],
];

/** Whether an address belongs to a page. */
export function isAt(page: Pick<Page, 'path'>, pathname: string): boolean {
  // On Linux the window opens an address that ends with its host: its path is empty.
  const path = pathname || '/';
  return page.path === '/' ? path === '/' : path === page.path || path.startsWith(`${page.path}/`);
}

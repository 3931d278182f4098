// The pages of the window. A page that is not built yet is not listed: nothing here leads nowhere.

import Boxes from '@lucide/svelte/icons/boxes';
import CalendarClock from '@lucide/svelte/icons/calendar-clock';
import ChartColumn from '@lucide/svelte/icons/chart-column';
import ListChecks from '@lucide/svelte/icons/list-checks';
import Pickaxe from '@lucide/svelte/icons/pickaxe';
import Server from '@lucide/svelte/icons/server';
import SettingsIcon from '@lucide/svelte/icons/settings';
import WalletIcon from '@lucide/svelte/icons/wallet';
import type { Component } from 'svelte';
import { m } from '$lib/messages';

/** One entry of the sidebar. */
export interface Page {
  path: string;
  name: () => string;
  icon: Component<{ size?: number; strokeWidth?: number }>;
}

/** Groups are drawn with a line between them. */
export const PAGES: Page[][] = [
  [
    { path: '/', name: m.shell_rig, icon: Pickaxe },
    { path: '/jobs', name: m.shell_jobs, icon: ListChecks },
    { path: '/earnings', name: m.earnings_title, icon: ChartColumn },
    { path: '/wallet', name: m.wallet_page, icon: WalletIcon },
    { path: '/virtual-rigs', name: m.virtual_page, icon: Boxes },
  ],
  [
    { path: '/rules', name: m.shell_rules, icon: CalendarClock },
    { path: '/fleet', name: m.fleet_title, icon: Server },
    { path: '/settings', name: m.shell_settings, icon: SettingsIcon },
  ],
];

/** Whether an address belongs to a page. */
export function isAt(page: Pick<Page, 'path'>, pathname: string): boolean {
  // On Linux the window opens an address that ends with its host: its path is empty.
  const path = pathname || '/';
  // A card of the rig is a part of the rig.
  return page.path === '/' ? path === '/' || path.startsWith('/gpu/') : path === page.path || path.startsWith(`${page.path}/`);
}

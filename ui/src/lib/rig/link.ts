// The line to the coordinator in words.

import type { Link } from '$lib/bindings/Link';
import { countdown } from '$lib/format/duration';
import { m } from '$lib/messages';

/** What the line is doing at a moment. */
export function linkWords(link: Link, nowMs: number): string {
  switch (link.kind) {
    case 'connected':
      return m.link_connected({ network: link.network });
    case 'connecting':
      return m.link_connecting();
    case 'waiting':
      return link.untilMs > nowMs ? m.link_waiting({ left: countdown(link.untilMs - nowMs) }) : m.link_connecting();
    case 'refused':
      return m.link_refused();
  }
}

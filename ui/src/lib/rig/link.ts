// The line to the coordinator in words.

import type { Link } from '$lib/bindings/Link';
import { countdown } from '$lib/format/duration';
import { t } from '$lib/messages/en';

/** What the line is doing at a moment. */
export function linkWords(link: Link, nowMs: number): string {
  switch (link.kind) {
    case 'connected':
      return t.link.connected(link.network);
    case 'connecting':
      return t.link.connecting;
    case 'waiting':
      return link.untilMs > nowMs ? t.link.waiting(countdown(link.untilMs - nowMs)) : t.link.connecting;
    case 'refused':
      return t.link.refused;
  }
}

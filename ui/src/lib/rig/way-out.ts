// Where an owner finds what to do about what keeps his rig from working.

import type { WaitReason } from '$lib/bindings/WaitReason';
import type { RefusedCode } from '$lib/bindings/RefusedCode';
import { m } from '$lib/messages';

/** One page, and what the link to it says. */
export interface WayOut {
  path: string;
  label: string;
}

/** The one way out of a reason; nothing for what passes by itself. */
export function wayOut(reason: WaitReason): WayOut | null {
  switch (reason.kind) {
    case 'no_engine':
    case 'engine_unusable':
    case 'no_idle_probe':
    case 'probe_broken':
    case 'offline':
      return { path: '/settings#checkup', label: m.polish_check_pc() };
    case 'disk_full':
      return { path: '/settings#places', label: m.polish_make_room() };
    case 'rules_broken':
    case 'schedule':
    case 'unprofitable':
    case 'gpu_kept':
      return { path: '/rules', label: m.polish_open_rules() };
    case 'refused':
      return refused(reason.code);
    case 'owner_active':
    case 'backing_off':
    case 'remote':
    case 'program':
    case 'fullscreen':
    case 'on_battery':
    case 'metered':
    case 'hot':
    case 'busy':
    case 'gpu_in_use':
    case 'cooling_down':
      return null;
  }
}

function refused(code: RefusedCode): WayOut | null {
  switch (code) {
    case 'too_old':
    case 'bad_message':
      return { path: '/settings#about', label: m.polish_see_versions() };
    case 'bad_handshake':
    case 'superseded':
    case 'quarantined':
      return { path: '/welcome', label: m.polish_see_network() };
    case 'unavailable':
      return null;
  }
}

// What the rig is doing, why, and what comes next, in two sentences that keep counting between snapshots.

import { shortModel } from './chassis';
import type { Link } from '$lib/bindings/Link';
import type { Snapshot } from '$lib/bindings/Snapshot';
import type { WaitReason } from '$lib/bindings/WaitReason';
import { coarse, countdown, duration } from '$lib/format/duration';
import { money } from '$lib/format/money';
import { timeOfDay } from '$lib/format/time';
import { t } from '$lib/messages/en';

/** The headline of the Rig page. */
export interface Headline {
  title: string;
  detail: string;
  /** Whatever else stands in the way, shortly. */
  also: string[];
  /** A fault has a way out; waiting is normal. */
  fault: boolean;
}

/** Puts a snapshot into words at a moment. */
export function headline({ phase, sinceMs, link, working }: Snapshot, nowMs: number): Headline {
  const since = duration(nowMs - sinceMs);
  switch (phase.kind) {
    case 'off':
      return calm(t.headline.off);
    case 'checking':
      return calm(t.headline.checking);
    case 'benchmarking': {
      const { title, looking, detail } = t.headline.benchmarking;
      return calm({ title, detail: phase.what === '' ? looking : detail(shortModel(phase.what) || phase.what, phase.percent, countdown(phase.leftS * 1_000)) });
    }
    case 'waiting': {
      const [first, ...others] = phase.reasons;
      if (!first) return calm({ title: t.headline.ready.title, detail: t.headline.ready.detail(since) });
      return { ...wait(first, link, nowMs), also: others.map(short), fault: isFault(first) };
    }
    case 'ready':
      return calm({ title: t.headline.ready.title, detail: t.headline.ready.detail(since) });
    case 'preparing':
      return calm(t.headline.preparing);
    case 'working':
      return calm({ title: t.headline.working.title(Math.max(1, working.length)), detail: t.headline.working.detail(since) });
    case 'yielding':
      return calm(t.headline.yielding);
    case 'uploading':
      return calm(t.headline.uploading);
    case 'draining':
      return calm(t.headline.draining);
    case 'paused':
      return calm({ title: t.headline.paused.title, detail: paused(phase.untilMs, sinceMs, nowMs) });
  }
}

function wait(reason: WaitReason, link: Link, nowMs: number): { title: string; detail: string } {
  switch (reason.kind) {
    case 'owner_active': {
      const { title, detail, soon } = t.waiting.ownerActive;
      const left = reason.startsMs - nowMs;
      // Seconds are for who waits for them; else they would only have the window drawn again and again.
      const exact = left < 600_000;
      const ago = exact ? duration(nowMs - reason.lastInputMs) : coarse(nowMs - reason.lastInputMs);
      return { title, detail: left > 0 ? detail(ago, exact ? countdown(left) : coarse(left)) : soon };
    }
    case 'no_idle_probe':
      return t.waiting.noIdleProbe;
    case 'no_engine':
      return t.waiting.noEngine;
    case 'engine_unusable':
      return { title: t.waiting.engineUnusable.title, detail: reason.message };
    case 'offline':
      return { title: t.waiting.offline.title, detail: offline(link, nowMs) };
    case 'refused': {
      const { title, fix } = t.refused[reason.code];
      return { title, detail: [reason.message, fix].filter((part) => part !== '').join(' ') };
    }
    case 'backing_off': {
      const { title, detail, soon } = t.waiting.backingOff;
      return { title, detail: reason.untilMs > nowMs ? detail(countdown(reason.untilMs - nowMs)) : soon };
    }
    case 'disk_full':
      return t.waiting.diskFull;
    case 'schedule': {
      const { title, opens, soon, never } = t.waiting.schedule;
      if (reason.opensMs === undefined) return { title, detail: never };
      return { title, detail: reason.opensMs > nowMs ? opens(countdown(reason.opensMs - nowMs), timeOfDay(reason.opensMs)) : soon };
    }
    case 'remote':
      return t.waiting.remote;
    case 'program':
      return { title: t.waiting.program.title(reason.name), detail: t.waiting.program.detail };
    case 'fullscreen':
      return t.waiting.fullscreen;
    case 'on_battery':
      return t.waiting.onBattery;
    case 'metered':
      return t.waiting.metered;
    case 'hot': {
      const { title, detail } = t.waiting.hot[reason.part];
      return { title, detail: detail(reason.celsius, reason.resumesAt) };
    }
    case 'busy':
      return { title: t.waiting.busy.title, detail: t.waiting.busy.detail(reason.percent, reason.atMost) };
    case 'gpu_in_use':
      return { title: t.waiting.gpuInUse.title(reason.program), detail: t.waiting.gpuInUse.detail(reason.program, shortModel(reason.gpu)) };
    case 'gpu_kept':
      return { title: t.waiting.gpuKept.title, detail: t.waiting.gpuKept.detail(shortModel(reason.gpu)) };
    case 'cooling_down': {
      const { title, detail, soon } = t.waiting.coolingDown;
      return { title, detail: reason.untilMs > nowMs ? detail(countdown(reason.untilMs - nowMs)) : soon };
    }
    case 'unprofitable': {
      const { title, detail } = t.waiting.unprofitable;
      return { title, detail: detail(money(reason.powerPerHour), money(reason.floorPerHour)) };
    }
    case 'probe_broken':
      return { title: t.waiting.probeBroken.title(reason.probe), detail: t.waiting.probeBroken.detail(reason.message) };
    case 'rules_broken':
      return { title: t.waiting.rulesBroken.title, detail: reason.message };
  }
}

function offline(link: Link, nowMs: number): string {
  switch (link.kind) {
    case 'waiting':
      return link.untilMs > nowMs ? t.waiting.offline.again(countdown(link.untilMs - nowMs)) : t.waiting.offline.dialling;
    case 'connecting':
      return t.waiting.offline.dialling;
    case 'connected':
    case 'refused':
      return t.waiting.offline.detail;
  }
}

/** A reason in a few words, to stand beside others. */
export function short(reason: WaitReason): string {
  switch (reason.kind) {
    case 'owner_active':
      return t.waiting.ownerActive.short;
    case 'no_idle_probe':
      return t.waiting.noIdleProbe.short;
    case 'no_engine':
      return t.waiting.noEngine.short;
    case 'engine_unusable':
      return t.waiting.engineUnusable.short;
    case 'offline':
      return t.waiting.offline.short;
    case 'refused':
      return t.refused[reason.code].title;
    case 'backing_off':
      return t.waiting.backingOff.short;
    case 'disk_full':
      return t.waiting.diskFull.short;
    case 'schedule':
      return t.waiting.schedule.short;
    case 'remote':
      return t.waiting.remote.short;
    case 'program':
      return t.waiting.program.short(reason.name);
    case 'fullscreen':
      return t.waiting.fullscreen.short;
    case 'on_battery':
      return t.waiting.onBattery.short;
    case 'metered':
      return t.waiting.metered.short;
    case 'hot':
      return t.waiting.hot[reason.part].short;
    case 'busy':
      return t.waiting.busy.short;
    case 'gpu_in_use':
      return t.waiting.gpuInUse.short(reason.program, shortModel(reason.gpu));
    case 'gpu_kept':
      return t.waiting.gpuKept.short(shortModel(reason.gpu));
    case 'cooling_down':
      return t.waiting.coolingDown.short;
    case 'unprofitable':
      return t.waiting.unprofitable.short;
    case 'probe_broken':
      return t.waiting.probeBroken.short(reason.probe);
    case 'rules_broken':
      return t.waiting.rulesBroken.short;
  }
}

/** Whether the owner has to do something; the rest passes by itself. */
function isFault(reason: WaitReason): boolean {
  switch (reason.kind) {
    case 'owner_active':
    case 'offline':
    case 'backing_off':
    case 'remote':
    case 'program':
    case 'fullscreen':
    case 'on_battery':
    case 'metered':
    case 'hot':
    case 'busy':
    case 'gpu_in_use':
    case 'gpu_kept':
    case 'cooling_down':
    case 'unprofitable':
      return false;
    case 'schedule':
      return reason.opensMs === undefined;
    case 'refused':
      return reason.code !== 'unavailable';
    case 'no_idle_probe':
    case 'no_engine':
    case 'engine_unusable':
    case 'disk_full':
    case 'probe_broken':
    case 'rules_broken':
      return true;
  }
}

function paused(untilMs: number | undefined, sinceMs: number, nowMs: number): string {
  if (untilMs === undefined) return t.headline.paused.forGood(coarse(nowMs - sinceMs));
  return untilMs > nowMs ? t.headline.paused.until(countdown(untilMs - nowMs), timeOfDay(untilMs)) : t.headline.paused.soon;
}

function calm(words: { title: string; detail: string }): Headline {
  return { ...words, also: [], fault: false };
}

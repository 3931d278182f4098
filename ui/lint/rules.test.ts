// The rules of this folder, by what they refuse and what they let pass.

import { RuleTester } from 'eslint';
import * as svelte from 'svelte-eslint-parser';
import ts from 'typescript-eslint';
import { describe, expect, it, test } from 'vitest';
import { logicalStyles, physical } from './logical-styles.js';
import { noText } from './no-text.js';

Object.assign(RuleTester, { describe, it });
const markup = new RuleTester({ languageOptions: { parser: svelte, parserOptions: { parser: ts.parser } } });
const file = (code: string) => ({ code, filename: 'Page.svelte' });

markup.run('no-text', noText, {
  valid: [
    '<p>{m.rig_now()} · {count}</p>',
    '<a class="back" href="/jobs" title={m.jobs_back()}>+ 1 &nbsp;</a>',
    '<p>{kind === "live" ? m.log_live() : ""}</p>',
    '<Button tone="primary" label={m.action_start()} />',
    '<div role="log" aria-live="off" style:color="{name}px"></div>',
    '<script>const key = "word";</script><style>p { color: red }</style>',
  ].map(file),
  invalid: [
    '<p>Word</p>', '<p>任务</p>', '<img alt="A rig" />', '<p aria-label="{count} jobs">{count}</p>', '<Figure unit="W" />', '<p>{works ? "" : ", missing"}</p>',
    '<p>{`${count} jobs`}</p>', '<p>{"Jobs: " + count}</p>', '<p title={name ?? "nobody"}>{name}</p>',
  ].map((code) => ({ ...file(code), errors: 1 })),
});

markup.run('logical-styles', logicalStyles, {
  valid: [file('<i style:inset-inline-start="4px"></i><style>i { margin: 0 auto }</style>')],
  invalid: [
    { ...file('<i style:left="4px"></i>'), errors: 1 },
    { ...file('<i></i>\n<style>\n  i {\n    margin-left: 2px;\n  }\n</style>'), errors: [{ messageId: 'physical', line: 4 }] },
  ],
});

test.each(['margin-left: 2px', 'width: 2px', 'text-align: right', 'padding: 1px 2px 3px 4px', 'border-top: 0', 'min-height: 1px', 'border-top-left-radius: 3px'])(
  '`%s` names a side',
  (declaration) => expect(physical(`p { ${declaration}; }`)).toHaveLength(1),
);

test.each(['margin-inline-start: 2px', 'inline-size: 2px', 'text-align: start', 'padding: 1px 2px 3px', 'padding: 1px 2px 3px 2px', 'stroke-width: 2', 'line-height: 1', 'transform: scaleX(-1)', '--sidebar-width: 2px'])(
  '`%s` names none',
  (declaration) => expect(physical(`p { ${declaration}; }`)).toEqual([]),
);

test('conditions and comments are no declarations', () => {
  expect(physical('/* left: 2px; */ @media (max-width: 960px) { p { color: red; } }')).toEqual([]);
});

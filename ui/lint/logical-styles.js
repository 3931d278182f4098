// Styles say start and end, never left and right: the pages are mirrored for languages that run from right to left.

/** Properties with a side of the screen in their name, and those whose size has a logical name. */
const PHYSICAL =
  /^(left|right|top|bottom|width|height|(min|max)-(width|height)|(margin|padding|scroll-margin|scroll-padding)-(left|right|top|bottom)|border-(left|right|top|bottom)(-.+)?|border-(top|bottom)-(left|right)-radius|overflow-[xy])$/;
/** Properties whose value may name a side. */
const SIDED = new Set(['text-align', 'float', 'clear', 'caption-side']);
/** Shorthands that count round the clock: with four values the second is right and the fourth is left. */
const ROUND = /^(margin|padding|inset|border-(width|style|color)|scroll-(margin|padding))$/;
const DECLARATION = /(?<=^|[;{\s])([a-z-]+)\s*:\s*([^;{}]+)(?=[;}])/g;

/** Where a sheet is physical. @param {string} css */
export function physical(css) {
  const found = [];
  // As long as before, so that places stay places.
  const code = css.replace(/\/\*[^]*?\*\/|@[\w-]+[^{;]*/g, (all) => ' '.repeat(all.length));
  for (const { index, 1: property, 2: value } of code.matchAll(DECLARATION)) {
    const [, right, , left] = value.trim().split(/\s+(?![^(]*\))/);
    const sided = SIDED.has(property) && /\b(left|right)\b/.test(value);
    const round = ROUND.test(property) && left !== undefined && left !== right;
    if (PHYSICAL.test(property) || sided || round) found.push({ index, property, value: value.trim() });
  }
  return found;
}

/** @type {import('eslint').Rule.RuleModule} */
export const logicalStyles = {
  meta: {
    type: 'problem',
    docs: { description: 'refuse styles that name a side of the screen' },
    messages: { physical: '`{{property}}: {{value}}` names a side of the screen: say block and inline, start and end.' },
    schema: [],
  },
  create(context) {
    const { sourceCode } = context;
    /** @param {number} from @param {string} css */
    const judge = (from, css) => {
      for (const { index, property, value } of physical(css)) {
        context.report({ loc: sourceCode.getLocFromIndex(from + index), messageId: 'physical', data: { property, value } });
      }
    };
    return {
      Program() {
        if (context.filename.endsWith('.css')) judge(0, sourceCode.text);
      },
      /** @param {any} node */
      SvelteStyleElement(node) {
        for (const child of node.children) judge(child.range[0], sourceCode.text.slice(...child.range));
      },
      /** @param {any} node */
      SvelteStyleDirective(node) {
        if (PHYSICAL.test(node.key.name.name)) context.report({ node, messageId: 'physical', data: { property: node.key.name.name, value: '…' } });
      },
    };
  },
};

/** Lets ESLint read a style sheet as one piece of text, which is all that the rule needs. */
export const sheet = {
  meta: { name: 'sheet' },
  /** @param {string} text */
  parseForESLint(text) {
    const lines = text.split('\n');
    const end = { line: lines.length, column: lines.at(-1)?.length ?? 0 };
    const place = { range: [0, text.length], loc: { start: { line: 1, column: 0 }, end } };
    return { ast: { type: 'Program', body: [], tokens: [], comments: [], sourceType: 'module', ...place } };
  },
};

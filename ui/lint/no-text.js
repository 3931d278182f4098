// No words in markup: every text is a message, or it could not be translated.

/** Attributes and properties that are read by people. */
const READ = new Set([
  'alt', 'aria-description', 'aria-label', 'aria-placeholder', 'aria-roledescription', 'aria-valuetext', 'dismiss', 'done', 'empty', 'failed', 'help',
  'hint', 'label', 'missing', 'placeholder', 'text', 'title', 'unit',
]);
/** A word is at least one letter, and HTML's own references are none. */
const WORD = /\p{L}/u;

/** @type {import('eslint').Rule.RuleModule} */
export const noText = {
  meta: {
    type: 'problem',
    docs: { description: 'refuse words in markup' },
    messages: { text: 'Words belong into messages/*.json: “{{text}}”.' },
    schema: [],
  },
  create(context) {
    /** @param {any} node @param {string} text */
    const judge = (node, text) => {
      if (WORD.test(text.replace(/&\w+;/g, ''))) context.report({ node, messageId: 'text', data: { text: text.trim().slice(0, 40) } });
    };
    /** What an expression may come out as, as far as it is written right there. @param {any} node */
    const results = (node) => {
      switch (node?.type) {
        case 'Literal':
          if (typeof node.value === 'string') judge(node, node.value);
          break;
        case 'TemplateLiteral':
          for (const quasi of node.quasis) judge(node, quasi.value.cooked ?? '');
          break;
        case 'ConditionalExpression':
          results(node.consequent);
          results(node.alternate);
          break;
        case 'LogicalExpression':
        case 'BinaryExpression':
          if (node.operator === '+' || node.type === 'LogicalExpression') {
            results(node.left);
            results(node.right);
          }
          break;
      }
    };
    return {
      /** @param {any} node */
      SvelteText(node) {
        if (node.parent.type !== 'SvelteStyleElement' && node.parent.type !== 'SvelteScriptElement') judge(node, node.value);
      },
      /** @param {any} node */
      SvelteMustacheTag(node) {
        const { parent } = node;
        if (parent.type === 'SvelteAttribute' ? READ.has(parent.key.name) : parent.type !== 'SvelteStyleDirective') results(node.expression);
      },
      /** @param {any} node */
      SvelteAttribute(node) {
        if (!READ.has(node.key.name)) return;
        for (const part of node.value) if (part.type === 'SvelteLiteral') judge(part, part.value);
      },
    };
  },
};

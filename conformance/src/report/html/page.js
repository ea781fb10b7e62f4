'use strict';
// All of it is comfort: without it the page shows everything, folded by the browser.
(() => {
  const checks = [...document.querySelectorAll('.check')];
  const sections = [...document.querySelectorAll('.section')];
  const form = document.querySelector('form');

  const chosen = (name) =>
    new Set([...form.querySelectorAll(`[name=${name}]:checked`)].map((box) => box.value));

  const filter = () => {
    const outcomes = chosen('outcome');
    const levels = chosen('level');
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const check of checks) {
      const { outcome, level } = check.dataset;
      const fits = outcomes.has(outcome) && levels.has(level) &&
        (words.length === 0 || holds(check, words));
      check.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    for (const section of sections) {
      section.hidden = !section.querySelector('.check:not([hidden])');
    }
    form.querySelector('output').textContent = `${shown} of ${checks.length} checks shown`;
  };

  const texts = new Map();
  const holds = (check, words) => {
    if (!texts.has(check)) texts.set(check, check.textContent.toLowerCase());
    return words.every((word) => texts.get(check).includes(word));
  };

  const fold = (open) => {
    for (const part of document.querySelectorAll('details')) part.open = open;
  };

  const unfoldTarget = () => {
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    for (let part = target; part; part = part.parentElement) {
      part.hidden = false;
      if (part.tagName === 'DETAILS') part.open = true;
    }
    target?.scrollIntoView();
  };

  const copy = async (button) => {
    const label = button.textContent;
    const text = button.parentElement.querySelector('code').textContent;
    let said = 'Copied';
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // Not every browser lets a local file use the clipboard: select it at least.
      getSelection().selectAllChildren(button.parentElement.querySelector('code'));
      said = document.execCommand('copy') ? 'Copied' : 'Selected';
    }
    button.textContent = said;
    setTimeout(() => { button.textContent = label; }, 2000);
  };

  for (const part of document.querySelectorAll('[data-script]')) part.hidden = false;
  if (form) {
    form.addEventListener('input', filter);
    form.addEventListener('reset', () => setTimeout(filter));
    form.addEventListener('submit', (event) => event.preventDefault());
    filter();
  }
  document.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (button?.dataset.script === 'copy') copy(button);
    if (button?.dataset.script === 'unfold') fold(true);
    if (button?.dataset.script === 'fold') fold(false);
  });
  addEventListener('hashchange', unfoldTarget);
  if (location.hash) unfoldTarget();

  let folded = [];
  addEventListener('beforeprint', () => {
    folded = [...document.querySelectorAll('details:not([open])')];
    for (const part of folded) part.open = true;
  });
  addEventListener('afterprint', () => {
    for (const part of folded) part.open = false;
  });
})();

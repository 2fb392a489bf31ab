// Charts as SVG and tables. Every text goes in as a text node: nothing that a record holds is ever read as markup.

const SVG = 'http://www.w3.org/2000/svg';

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'onclick' || key === 'oninput') made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, '');
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.flat().map((child) => (child instanceof Node ? child : document.createTextNode(String(child)))));
  return made;
}

function drawn(name, attributes, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function words(text, attributes) {
  return drawn('text', attributes, document.createTextNode(text));
}

export function number(value) {
  return value === null || value === undefined ? '–' : value.toLocaleString('en-US');
}

export function duration(ms) {
  if (ms === null || ms === undefined) return '–';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  return seconds % 60 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${seconds / 60} min`;
}

// Of a delay: workers do not tell apart what is longer than a minute.
export const delay = (ms) => (ms >= 60000 ? 'over 1 min' : duration(ms));

export function bytes(value) {
  return value < 1e6 ? `${Math.round(value / 1e3)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

// Two lines over the last minutes. `rows` are {time_ms, a, b}; what is null is a gap.
export function lines(title, rows, format, names) {
  const width = 400, height = 130, left = 46, bottom = 20;
  const values = rows.flatMap((row) => [row.a, row.b]).filter((value) => value !== null && value !== undefined);
  const top = Math.max(1, ...values) * 1.1;
  const first = rows.length ? rows[0].time_ms : 0;
  const span = Math.max(60000, rows.length ? rows[rows.length - 1].time_ms - first : 0);
  const x = (ms) => left + ((ms - first) / span) * (width - left - 6);
  const y = (value) => height - bottom - (value / top) * (height - bottom - 8);
  const path = (key) => {
    let made = '', open = false;
    for (const row of rows) {
      const value = row[key];
      if (value === null || value === undefined) { open = false; continue; }
      made += `${open ? 'L' : 'M'}${x(row.time_ms).toFixed(1)} ${y(value).toFixed(1)}`;
      open = true;
    }
    return made;
  };
  const last = rows[rows.length - 1] || {};
  const said = names.map((name, i) => `${name} ${format(last[i ? 'b' : 'a'])}`).join(', ');
  const chart = drawn('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${title}: now ${said}` },
    drawn('line', { class: 'axis', x1: left, x2: width, y1: height - bottom, y2: height - bottom }),
    words(format(top / 1.1), { x: 0, y: 14 }), words(format(0), { x: 0, y: height - bottom }),
    words(`${Math.round(span / 60000)} min ago`, { x: left, y: height - 4 }),
    words('now', { x: width - 26, y: height - 4 }),
    drawn('path', { class: 'line-a', d: path('a') }), drawn('path', { class: 'line-b', d: path('b') }));
  const key = element('p', { class: 'key' }, names.map((name, i) =>
    element('span', { class: i ? 'key-b' : 'key-a' }, `${name} ${format(last[i ? 'b' : 'a'])}`)));
  return element('div', { class: 'panel' }, element('h3', {}, title), chart, key);
}

// Counts by name, the largest first.
export function bars(title, counts, none) {
  const rows = Object.entries(counts).filter(([, value]) => value > 0);
  const most = Math.max(1, ...rows.map(([, value]) => value));
  const body = rows.length
    ? element('table', { class: 'bars' }, element('tbody', {}, rows.map(([name, value]) => element('tr', {},
      element('th', { scope: 'row' }, name),
      element('td', {}, drawn('svg', { viewBox: '0 0 100 8', 'aria-hidden': 'true', preserveAspectRatio: 'none' }, drawn('rect', { width: Math.max(1, (100 * value) / most).toFixed(1), height: 8 }))),
      element('td', {}, number(value))))))
    : element('p', { class: 'none' }, none);
  return element('div', { class: 'panel' }, element('h3', {}, title), body);
}

// One column for each stretch of time. A value of null is hidden: a dashed column that says so, of no height of its own.
export function columns(title, rows, at) {
  const width = 800, height = 150, left = 46, bottom = 20;
  const first = rows[0].from_ms, span = rows[rows.length - 1].to_ms - first;
  const most = Math.max(1, ...rows.map((row) => row.value ?? 0));
  const x = (ms) => left + ((ms - first) / span) * (width - left);
  const hidden = rows.filter((row) => row.value === null).length;
  const made = rows.map((row) => {
    const tall = row.value === null ? height - bottom - 8 : (row.value / most) * (height - bottom - 8);
    const label = drawn('title', {}, document.createTextNode(`${at(row.from_ms)}: ${row.value === null ? 'hidden' : number(row.value)}`));
    return drawn('rect', { class: row.value === null ? 'untold' : 'column', x: (x(row.from_ms) + .5).toFixed(1), y: (height - bottom - tall).toFixed(1),
      width: Math.max(1, x(row.to_ms) - x(row.from_ms) - 1).toFixed(1), height: Math.max(.5, tall).toFixed(1) }, label);
  });
  const said = `${title}: ${rows.length} from ${at(first)} on, at most ${number(most)}, ${hidden} hidden`;
  const chart = drawn('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': said },
    drawn('line', { class: 'axis', x1: left, x2: width, y1: height - bottom, y2: height - bottom }),
    words(number(most), { x: 0, y: 14 }), words('0', { x: 0, y: height - bottom }), words(at(first), { x: left, y: height - 4 }), ...made);
  const key = element('p', { class: 'key' }, hidden ? `Dashed: hidden, ${hidden} of ${rows.length}.` : 'No window is hidden.');
  return element('div', { class: 'panel' }, element('h3', {}, title), chart, key);
}

// A channel's sound with what was silenced in it.
export function waveform(name, peaks, total_ms, muted) {
  const width = 800, height = 70, middle = height / 2;
  const step = width / Math.max(1, peaks.length);
  const marks = muted.map((span) => {
    const x = (span.start_ms / total_ms) * width;
    const title = drawn('title', {}, document.createTextNode(`${span.reason}, ${duration(span.start_ms)} to ${duration(span.end_ms)}`));
    return drawn('rect', { class: 'mute', x: x.toFixed(1), y: 0, width: Math.max(1, ((span.end_ms - span.start_ms) / total_ms) * width).toFixed(1), height }, title);
  });
  const shape = peaks.map((peak, i) => `M${(i * step).toFixed(1)} ${(middle - (peak / 100) * middle).toFixed(1)}v${Math.max(.6, (peak / 50) * middle).toFixed(1)}h${Math.max(.6, step - .3).toFixed(2)}v-${Math.max(.6, (peak / 50) * middle).toFixed(1)}z`).join('');
  const label = `Sound of ${name}, ${duration(total_ms)}, ${muted.length} silenced ${muted.length === 1 ? 'stretch' : 'stretches'}`;
  return drawn('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': label, preserveAspectRatio: 'none' },
    ...marks, drawn('path', { class: 'wave', d: shape }));
}

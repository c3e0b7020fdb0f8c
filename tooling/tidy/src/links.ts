import { posix } from 'node:path';
import { exists, readText } from './workspace.ts';

/** The links of a Markdown page that lead nowhere: relative ones only, with their `#heading`. */
export function deadLinks(page: string, text = readText(page)): readonly string[] {
  const links = withoutCode(text).matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g);
  return [...links]
    .map(([, target]) => target ?? '')
    .filter((target) => !/^[a-z]+:/i.test(target))
    .filter((target) => !leadsSomewhere(page, text, target));
}

function leadsSomewhere(page: string, text: string, target: string): boolean {
  const [path = '', heading] = target.split('#');
  if (path === '') return headings(text).has(heading ?? '');
  const goal = posix.join(posix.dirname(page), path);
  if (!exists(goal)) return false;
  return heading === undefined || !goal.endsWith('.md') || headings(readText(goal)).has(heading);
}

/** Anchors of a page's headings, as code forges make them: lower case, dashes, no punctuation. */
function headings(text: string): ReadonlySet<string> {
  const lines = withoutCode(text).matchAll(/^#{1,6}\s+(.*)$/gm);
  return new Set(
    [...lines].map(([, title = '']) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .trim()
        .replace(/\s/g, '-'),
    ),
  );
}

function withoutCode(text: string): string {
  return text.replace(/^```.*?^```/gms, '').replace(/^( {4}|\t).*$/gm, '');
}

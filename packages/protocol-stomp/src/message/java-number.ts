/** How Java writes a `double` or a `float`, which is how a property of a message becomes a header. */
export function javaNumberText(value: number, kind: 'float' | 'double'): string {
  if (!Number.isFinite(value)) return String(value);
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  const digits = kind === 'float' ? shortestFloat(value) : value;
  const size = Math.abs(digits);
  if (size >= 1e-3 && size < 1e7) return withFraction(String(digits));
  const [mantissa = '', exponent = ''] = digits.toExponential().split('e');
  return `${withFraction(mantissa)}E${Number(exponent)}`;
}

/** The number with the fewest digits that is the same float. */
function shortestFloat(value: number): number {
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return short;
  }
  return Number(value.toPrecision(9));
}

function withFraction(text: string): string {
  return text.includes('.') ? text : `${text}.0`;
}

/** An array parameter of whole numbers, in the form that the server reads fastest. */
export function numberArray(numbers: readonly (number | null)[]): string {
  return `{${numbers.map((number) => number ?? 'null').join(',')}}`;
}

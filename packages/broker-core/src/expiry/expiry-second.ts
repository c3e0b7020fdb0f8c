/** The second, counted from 1970, in which something that expires then may go: rounded up, so nothing goes early. */
export function expirySecond(expiration: number): number {
  return Math.ceil(expiration / 1000);
}

/** The second that has begun. */
export function secondOf(wallTime: number): number {
  return Math.floor(wallTime / 1000);
}

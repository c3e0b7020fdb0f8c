/** Who the caller is, where a broker wants to know: from the environment, which is not shown to others. */
export function loginFromEnvironment(): { userName?: string; password?: string } {
  const { BATONMQ_USER: userName, BATONMQ_PASSWORD: password } = process.env;
  return {
    ...(userName !== undefined && { userName }),
    ...(password !== undefined && { password }),
  };
}

export const POLICY: string;
export function serve(
  root: string,
  options?: { path?: string; port?: number },
): Promise<{ url: string; close(): void }>;

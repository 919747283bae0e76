export function wordClasses(): Promise<Uint8Array>;

/** Names of the tables of one store. */
export interface Tables {
  readonly lease: string;
  readonly destinations: string;
  readonly messages: string;
  readonly bodies: string;
  readonly producers: string;
  readonly states: string;
}

export function tablesWith(prefix: string): Tables {
  return {
    lease: `${prefix}lease`,
    destinations: `${prefix}destinations`,
    messages: `${prefix}messages`,
    bodies: `${prefix}bodies`,
    producers: `${prefix}producers`,
    states: `${prefix}states`,
  };
}

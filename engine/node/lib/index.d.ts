export interface Options {
  /** The MockConfigFile.json of executions that are started as arn#TestCase. */
  mockConfig?: string;
  /** The factor for the length of waits; 0 unless you say otherwise. */
  waitTimeScale?: number;
  /** Further options of `sfn-local serve`. */
  args?: string[];
  /** Added to the environment of the server. */
  env?: Record<string, string>;
}

export interface Server {
  /** The endpoint for a client of Step Functions. */
  url: string;
  stop(): Promise<void>;
}

export function serve(options?: Options): Promise<Server>;

/** Prediction against record for one counter, over all samples outside of gaps. */
export type CounterFit = {
  readonly n: number;
  /** Samples whose residual is inside the drift bound plus the folios in flight at that instant. */
  readonly within_drift: number;
  readonly max_abs_pages: number;
  readonly drift_bound_pages: number;
  /** The most pages in flight at a sample, by which its bound is wider than the drift. */
  readonly most_in_flight_pages: number;
  /** Σ|predicted − recorded| / Σ recorded; what only grows is counted from the start. */
  readonly wape: number | undefined;
  /**
   * What WAPE would be if every reading were off by the drift bound and nothing else: more than
   * that is the model's, less may be the reading's. Large where a level is near zero.
   */
  readonly wape_floor: number | undefined;
  /** Samples in gaps, which were not compared. */
  readonly skipped: number;
  /** Predicted − recorded at the last sample compared; undefined when there is none. */
  readonly end_residual_pages?: number | undefined;
};

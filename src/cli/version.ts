/** The version of package.json, which a test holds equal to this. */
export const VERSION = '0.1.0';

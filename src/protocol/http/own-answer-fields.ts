/** What every answer carries that this house makes itself: no page of another site can embed or misread it. */
export const ownAnswerFields = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

/** The same, where strangers have a say in it, or nobody looks at it: whatever it is, nothing in it runs. */
export const inertAnswerFields = {
  ...ownAnswerFields,
  "Content-Security-Policy": "sandbox; frame-ancestors 'none'",
} as const;

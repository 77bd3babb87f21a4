/**
 * What every answer carries that this house makes itself: a browser neither guesses its type, nor runs it,
 * nor embeds it in another's page. A page says in place of the policy here what it needs.
 */
export const ownAnswerFields = {
  "X-Content-Type-Options": "nosniff",
  "Content-Security-Policy": "sandbox; frame-ancestors 'none'",
  "Cross-Origin-Resource-Policy": "same-origin",
} as const;

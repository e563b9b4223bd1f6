/** A CRM shows the page inside its own. */
export const isFramed = window.parent !== window

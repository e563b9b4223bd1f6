/**
 * What our package brings into an org, by the names it has there. Once the package has a namespace, all its names begin with it
 * (Salesforce, second-generation managed packaging).
 */

/** As registered with Salesforce; empty as long as none is. The same stands in the project of the package. */
export const namespace: string = ''

const named = (name: string) => (namespace === '' ? name : `${namespace}__${name}`)

/** The external client app that people consent to, and that opens our page. */
export const app = 'Meta_Connector'
/** API name of the field for the Meta lead id, on leads and on opportunities alike. */
export const leadIdField = named('Meta_Lead_ID__c')
/** The channel of change events. */
export const channel = `/data/${named('Meta_Connector__chn')}`
/** Labels, as people find them in Setup. */
export const labels = { package: 'Meta Connector', admin: 'Meta Connector Admin', integration: 'Meta Connector Integration' } as const

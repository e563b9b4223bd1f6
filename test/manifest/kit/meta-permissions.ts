/** What Meta's app review asks about each permission: why, with which calls, and how to show it. */
import { metaLeadAds } from '../../../connectors/meta-lead-ads/index.ts'
import { dialogScopes } from '../../../server/meta/business-extension.ts'
import { code, notice, page } from './markdown.ts'

interface Explained {
  /** Graph API calls that need it, with what they are for. */
  calls: readonly string[]
  /** For the form: how the app uses it, and what is better for people because of it. */
  form: string
  /** What the recording shows after signing in. */
  shows: readonly string[]
}

const explained: Readonly<Record<string, Explained>> = {
  leads_retrieval: {
    calls: [
      '`GET /{lead}` and `GET /?ids=…` after a webhook',
      '`GET /{form}/leads` for leads that no webhook told of',
      '`GET /{form}/test_leads`, so that test leads are never reported',
    ],
    form: `Leadstage reports to the advertiser's own dataset which of the advertiser's leads became qualified, an opportunity or a customer. For that it has to know each lead's id, the moment it was generated, and its e-mail and phone, by which the lead is found again in the advertiser's CRM, where the id is often missing. E-mail and phone are kept as SHA-256 hashes only. Leads are shown to nobody but the advertiser, are not enriched, sold or combined with those of others, and are deleted when the person asks, and 30 days after the advertiser has left.`,
    shows: [
      'Submit a lead of the test page with the Lead Ads Testing Tool (or by a real ad of a test account).',
      'In Leadstage, open Activity: the lead is there within seconds, with its form and time, and no contact data in clear.',
      'In the CRM, move the record of that person to "Qualified".',
      'Open the story of the record: it was recognised by the hashed e-mail of the lead, and one event was sent.',
    ],
  },
  pages_show_list: {
    calls: ['`GET /me/accounts`: the pages of the person who connects, to choose from'],
    form: 'The person who connects chooses the pages whose lead forms Leadstage may read. Without the list nobody could choose, and ids would have to be typed. Pages that were not chosen are not kept.',
    shows: [
      'Start connecting "Meta lead ads".',
      'Choose one of two pages in the login dialog.',
      'Leadstage lists the chosen page, and not the other.',
    ],
  },
  pages_read_engagement: {
    calls: ['`GET /{page}` and `GET /{page}/leadgen_forms`: name of the page, names of its forms'],
    form: 'Leadstage names the page and its lead forms in the settings, so that the advertiser can see that the right page is connected, choose which forms count, and read figures by form. Posts, comments, messages and followers are not read.',
    shows: ['Open Connection: the connected page is shown by name.', 'Open the figures by form: the forms of the page are listed by name.'],
  },
  pages_manage_ads: {
    calls: ['`GET /{page}/leadgen_forms` and `GET /{form}/leads`'],
    form: 'Meta reports each new lead by webhook; where one is lost, Leadstage looks through the forms of the page, which takes this permission. Leadstage does not create, change or delete ads or forms.',
    shows: [
      'Take the subscription of the page away in the Graph API Explorer, submit a test lead, and wait for the next look (half an hour at most).',
      'Activity shows the lead: it was found in the form.',
    ],
  },
  pages_manage_metadata: {
    calls: ['`POST /{page}/subscribed_apps` with `leadgen` on connecting, `GET` to check it, `DELETE` on leaving'],
    form: 'Leadstage subscribes the page to the webhook field leadgen, so that a lead is known at once instead of after half an hour: the event of a new lead is best sent within the hour. No other field is subscribed, no setting of the page is changed, and the subscription is removed on leaving.',
    shows: [
      'Connect the page: Connection says "Meta reports new leads at once".',
      'Submit a test lead: it shows in Activity within seconds.',
      'Disconnect the page; Business settings of the page no longer list the app.',
    ],
  },
  ads_management: {
    calls: [
      '`POST /{dataset}/events`: conversion events (Conversions API)',
      '`GET /{dataset}?fields=id,name`: whether the dataset is the right one',
      '`GET /{lead}` with ad, ad set and campaign of the lead',
    ],
    form: `Leadstage sends the stages that leads reach to the dataset that the advertiser chose, by the Conversions API for CRM, so that the advertiser can optimise for leads that become customers. It names the ad and campaign of a lead in the advertiser's own figures. It creates and changes no campaigns, ads or audiences.`,
    shows: [
      'Connect the dataset with Facebook Login: choose business and dataset, allow.',
      'Confirm the stages, and send one real lead when the page offers it.',
      "Leadstage shows Meta's answer; in Events Manager the event stands in the dataset, with its stage name.",
      'Open the figures by campaign.',
    ],
  },
  ads_read: {
    calls: ['`GET /{dataset}?fields=id,name`: once a day, whether the access still works'],
    form: 'Leadstage checks once a day that it still has access to the dataset, and tells the advertiser the day it is lost instead of weeks later when results have suffered. It reads no insights.',
    shows: [
      'Open Connection: name of the dataset, and when access was last checked.',
      'Take the dataset from the app in Business settings, and check again: Leadstage says what is missing and what to do.',
    ],
  },
  business_management: {
    calls: [
      'the login dialog, in which the business and its dataset are chosen',
      '`POST /{business}/access_token`: a token of a system user for this dataset (Business Extension only)',
    ],
    form: 'Datasets belong to a business. The person chooses business and dataset in the dialog, and Leadstage gets a token of a system user for that dataset, which goes on working when the person leaves the company. No people, roles or other assets of the business are read or changed. It is needed with ads_management.',
    shows: [
      'Connect the dataset: the dialog asks for the business, then for the dataset.',
      'Leadstage names the dataset that was chosen, and no other.',
    ],
  },
  manage_business_extension: {
    calls: ['`GET` and `DELETE /fbe_business/fbe_installs`: what was chosen in the dialog, and taking the app out again'],
    form: 'Given by Meta to partners by hand, through a partner manager; it is not part of the ordinary review. Leadstage uses the extension to let the advertiser choose or make a dataset in one dialog, and takes itself out of the business on leaving.',
    shows: [
      'Connect the dataset by the dialog of the extension, to its last page.',
      'Leadstage names the dataset; disconnect it, and the app is gone from the business.',
    ],
  },
}

/** Permissions that the code asks for, each once: those of pages first. */
function asked(): string[] {
  const { required = [], optional = [] } = metaLeadAds.install?.scopes ?? {}
  return [...new Set([...required, ...optional, ...dialogScopes])]
}

export function permissionsPage(): string {
  const wanted = asked()
  const silent = wanted.filter((name) => explained[name] === undefined)
  if (silent.length > 0) throw new Error(`Say in test/manifest/kit/meta-permissions.ts what ${silent.join(', ')} is for.`)
  const idle = Object.keys(explained).filter((name) => !wanted.includes(name))
  if (idle.length > 0) throw new Error(`Nothing asks for ${idle.join(', ')} any more; Meta refuses permissions that are not used.`)
  return page(
    notice('Permissions'),
    `The code asks for ${wanted.length}: ${wanted.map(code).join(', ')}. Meta approves each by itself, and only what it sees in use: the calls below are all there are.`,
    `## For every recording

- The page of Leadstage in English, 1080p or more, mouse visible, no cuts during a login, captions for what is not said by the page itself.
- Begin signed out. Open the invitation, continue to Facebook, sign in as the test user, and let the whole dialog be seen: page or business chosen, each permission as it is listed, the last button.
- Then show what is listed below for the permission, and end on the page where its data is used.
- Use the [workspace for reviewers](reviewer.md), so that reviewers find what they saw.
- Within the 30 days before the review at least one call with each permission must have succeeded: making the recordings does that.`,
    ...wanted.map((name) => section(name, explained[name] as Explained)),
  )
}

const section = (name: string, { calls, form, shows }: Explained): string =>
  [
    `## ${code(name)}`,
    `**Calls**\n\n${calls.map((call) => `- ${call}`).join('\n')}`,
    `**Text for the form**\n\n> ${form}`,
    `**Recording**\n\n${shows.map((step, index) => `${index + 1}. ${step}`).join('\n')}`,
  ].join('\n\n')

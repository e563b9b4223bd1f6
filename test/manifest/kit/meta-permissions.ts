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
      'In Leadstage, under Activity, have a lead be missed after 15 minutes.',
      'Submit a lead by a form of the test page (test leads of the Lead Ads Testing Tool are left out).',
      'After 15 minutes Activity lists it among the leads that did not reach the CRM, with its form, ad and time, and no contact data.',
      'In the CRM, add that person with the same e-mail, and move the record to "Qualified": the lead leaves the list.',
      'Open the story of the record: it was recognised by the hashed e-mail of the lead, and it says what was sent.',
    ],
  },
  pages_show_list: {
    calls: ['`GET /me/accounts`: the pages of the person who connects, to choose from'],
    form: 'The person who connects chooses the pages whose lead forms Leadstage may read. Without the list nobody could choose, and ids would have to be typed. Pages that were not chosen are not kept.',
    shows: [
      'Start connecting "Meta lead ads".',
      'Choose one of two pages in the login dialog.',
      'The page that follows names the chosen page by its id, and not the other.',
    ],
  },
  pages_read_engagement: {
    calls: ['`GET /{page}` and `GET /{page}/leadgen_forms`: name of the page, names of its forms'],
    form: 'Leadstage names the page and its lead forms, so that the advertiser can see that the right page is connected, which forms bring leads that never reach the CRM, and figures by form. Posts, comments, messages and followers are not read.',
    shows: [
      'Activity lists leads that did not reach the CRM under the names of their forms (see `leads_retrieval`).',
      'In a terminal beside it: `leadstage connection list` names the page, `leadstage figures show --workspace Review --by form` its forms.',
    ],
  },
  pages_manage_ads: {
    calls: ['`GET /{page}/leadgen_forms` and `GET /{form}/leads`'],
    form: 'Meta reports each new lead by webhook; where one is lost, Leadstage looks through the forms of the page, which takes this permission. Leadstage does not create, change or delete ads or forms.',
    shows: [
      'Take the subscription of the page away in the Graph API Explorer, submit a lead, and wait for the next look (half an hour at most).',
      'Activity lists the lead among those that did not reach the CRM: it was found in the form.',
    ],
  },
  pages_manage_metadata: {
    calls: ['`POST /{page}/subscribed_apps` with `leadgen` on connecting, `GET` to check it, `DELETE` on leaving'],
    form: 'Leadstage subscribes the page to the webhook field leadgen, so that a lead is known at once instead of after half an hour: the event of a new lead is best sent within the hour. No other field is subscribed, no setting of the page is changed, and the subscription is removed on leaving.',
    shows: [
      'Connect the page. In the Graph API Explorer, `GET /{page}/subscribed_apps` names the app with `leadgen`.',
      'Submit a lead: within seconds `leadstage record list` shows its raw lead on the way to the dataset.',
      'Disconnect the page (`leadstage connection remove`): `GET /{page}/subscribed_apps` names the app no more.',
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
      'In a terminal beside it, `leadstage figures show --workspace Review --by campaign` names the campaigns of the leads.',
    ],
  },
  ads_read: {
    calls: ['`GET /{dataset}?fields=id,name`: once a day, whether the access still works'],
    form: 'Leadstage checks once a day that it still has access to the dataset, and tells the advertiser the day it is lost instead of weeks later when results have suffered. It reads no insights.',
    shows: [
      'In a terminal: `leadstage dataset show` says when access was last checked with Meta.',
      'Take the dataset from the app in Business settings. After the check of the next day the Overview says that Meta does not show it to us any more, and what to do.',
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

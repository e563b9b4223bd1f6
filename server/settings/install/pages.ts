/** What the pages of an install say. Pure. */
import type { Install } from '../../../connectors/connector.ts'
import type { CodedError } from '../../../connectors/errors.ts'
import type { Invitation } from '../../connections/install/invitations.ts'
import type { CrmDataset } from '../../database/tables.ts'
import type { AddedConnection } from '../add-connection.ts'
import type { ProvenDataset } from '../prove-dataset.ts'
import { type Html, html } from './html.ts'
import type { Page } from './page.ts'

const again = html`<p>Nothing was changed. Open the link that you were given once more to start again.</p>`

export const invite = (
  { workspace, account }: Invitation,
  crm: string,
  { asks, purpose }: Pick<Install, 'asks' | 'purpose'>,
  startUrl: string,
): Page => ({
  status: 200,
  title: `Connect ${crm} for ${workspace}`,
  body: html`<p>${
    purpose ??
    `Leadstage tells Meta which of your instant-form leads reach which stage in ${crm}, so that Meta's ad delivery learns which leads become customers.`
  } ${crm} will ask you on its own page whether Leadstage may:</p>
<ul>${asks.map((ask) => html`<li>${ask}</li>`)}</ul>
${account !== null && html`<p>Sign in to the account <strong>${account}</strong>: this link connects that one again, and no other.</p>`}
<p class="soft">You have to be allowed to install apps there. Nothing is sent to Meta before stages are mapped and a dataset is chosen.</p>
<a class="button" href="${startUrl}">Continue to ${crm}</a>`,
})

/** The ways in which a dataset can be opened here, beside pasting a token. */
export interface DatasetWays {
  login: boolean
  extension: boolean
  /** Our business, where datasets can be shared with it. */
  business?: string
}

/** What a person has said of the dataset, or was told about it, and where the form goes. */
export interface GivenDataset {
  action: string
  metaId?: string
  crm?: string
  problem?: string
}

const alert = (problem: string | undefined) => problem !== undefined && html`<p role="alert">${problem}</p>`

const answers = [
  ['yes', 'Yes, it has a section “Conversion Leads”'],
  ['no', 'No, there is none'],
  ['unknown', 'I don’t know'],
] as const

/** The first step: which dataset, and is it one for CRM events? */
export const whichDataset = (
  { workspace }: Invitation,
  { extension }: Pick<DatasetWays, 'extension'>,
  { action, metaId, crm, problem }: GivenDataset,
): Page => ({
  status: problem === undefined ? 200 : 400,
  title: `Connect the Meta dataset of ${workspace}`,
  body: html`${alert(problem)}
<form method="post" action="${action}">
<label for="metaId">Dataset id</label>
<input id="metaId" name="metaId" inputmode="numeric" autocomplete="off" value="${metaId ?? ''}">
<p class="soft">The number under the name of the dataset in Meta's Events Manager.${extension && ' Not needed where Meta sets it up (below).'}</p>
<fieldset><legend>Is it a dataset for CRM events?</legend>
<p class="soft">Open it in Events Manager and look under <em>Settings</em>: a CRM dataset has a section <em>Conversion Leads</em> there. Meta takes
events for any dataset, but those of others do not count for conversion leads.</p>
${answers.map(
  ([value, text]) =>
    html`<label class="choice"><input type="radio" name="crm" value="${value}" required${crm === value && html` checked`}> ${text}</label>`,
)}
</fieldset>
<button class="button" name="way" value="next">Continue</button>
${
  extension &&
  html`<p class="soft">Or have Meta lead you through: you choose or make a dataset there, and come back here.</p>
<button class="button quiet" name="way" value="extension">Set up with Meta</button>`
}</form>`,
})

/** How to go on where Meta does not show the dataset to the token. */
export interface Hidden {
  /** Events of real leads that wait to be sent to it. */
  waiting: number
}

/** What the second step is about, and where its form goes. */
export interface DatasetStep {
  action: string
  metaId: string
  crm: CrmDataset
  problem?: string
  hidden?: Hidden
}

/** The second step: how we may send to it. */
export const datasetForm = (
  { workspace }: Invitation,
  { login, business }: DatasetWays,
  { action, metaId, crm, problem, hidden }: DatasetStep,
): Page => ({
  status: problem === undefined ? 200 : 400,
  title: `Connect the Meta dataset of ${workspace}`,
  body: html`${alert(problem)}
<p>Dataset <strong>${metaId}</strong></p>
${
  crm !== 'yes' &&
  html`<p class="soft note">You can go on, but events count for conversion leads only in a CRM dataset. In Events Manager, <em>Connect data sources →
CRM</em> makes one; you are reminded until somebody says that it is.</p>`
}
${
  login &&
  stepForm(
    { action, metaId, crm },
    html`<button class="button" name="way" value="login">Sign in with Facebook</button><p class="soft">Or, without signing in here:</p>`,
  )
}
${stepForm(
  { action, metaId, crm },
  html`<label for="token">Access token</label><input id="token" name="token" type="password" autocomplete="off" required>
<p class="soft">In the dataset: <em>Settings → Conversions API → Generate access token</em>. Meta shows it once; it is kept encrypted and never
shown again.</p>
${hidden !== undefined && otherProof(hidden)}
<button class="button${login && ' quiet'}" name="way" value="token">${hidden === undefined ? 'Check and save' : 'Save'}</button>`,
)}
${
  business !== undefined &&
  stepForm(
    { action, metaId, crm },
    html`<p class="soft">Or share the dataset with our business <strong>${business}</strong> in Meta's business settings (with the right to
manage it), then:</p><button class="button quiet" name="way" value="shared">It is shared: check and save</button>`,
  )
}`,
})

/** A form of its own for each way: the return key does what belongs to the field that it is pressed in. */
const stepForm = ({ action, metaId, crm }: DatasetStep, body: Html) => html`<form method="post" action="${action}">
<input type="hidden" name="metaId" value="${metaId}"><input type="hidden" name="crm" value="${crm}">${body}</form>`

const otherProof = ({ waiting }: Hidden) => html`<fieldset><legend>If the token is right, it can be kept all the same</legend>
<label class="choice"><input type="radio" name="instead" value="test" required> Have a test event tell whether it works</label>
<p class="soft">It is no made-up event. ${
  waiting > 0
    ? html`${waiting === 1 ? 'One event of a real lead waits' : `${waiting} events of real leads wait`} for this dataset: the oldest goes now`
    : html`No event of a real lead waits for this dataset yet: nothing is sent now, and the first one to come within 24 hours goes`
} with the code below. Meta keeps it and counts it like every other event; it cannot be taken back. You see it in Events Manager under
<em>Test events</em>.</p>
<label for="testCode">Code shown there</label><input id="testCode" name="testCode" autocomplete="off" placeholder="TEST12345">
<label class="choice"><input type="radio" name="instead" value="keep"> Save it without a check: the first event will tell</label>
</fieldset>`

export const goToMeta = (url: string): Page => ({
  status: 200,
  title: 'On to Meta',
  body: html`<p>Meta asks on its own page which business and dataset Leadstage may send events to. You come back here afterwards.</p>
<a class="button" href="${url}">Continue to Facebook</a>`,
})

export const datasetSaved = (metaId: string, { name, tested }: ProvenDataset, crm: CrmDataset): Page => ({
  status: 200,
  title: 'The dataset is connected',
  mood: 'good',
  body: html`<p>Events can go to dataset <strong>${name === undefined ? metaId : `${name} (${metaId})`}</strong>.</p>
${tested === 'now' && html`<p>Meta took the test event: you find it in Events Manager under <em>Test events</em>, and with its record here.</p>`}
${
  tested === 'later' &&
  html`<p>The first event of a real lead goes with your test code, if that is within 24 hours. Should Meta refuse it, nothing is lost: events
wait, and you are told.</p>`
}
${crm !== 'yes' && html`<p>Still to do: see to it that this is a dataset for CRM events, or connect one that is.</p>`}
<p>You can close this page.</p>`,
})

export const connected = (crm: string, added: readonly AddedConnection[]): Page => ({
  status: 200,
  title: added.some(({ created }) => created) ? `${crm} is connected` : `${crm} is connected again`,
  mood: 'good',
  body: html`${added.map(
    ({ account, mapping, findings, sandbox }) => html`<p>Account <strong>${account}</strong>. ${
      {
        saved: 'The usual stages are mapped; look them over before the first event goes.',
        kept: 'Its stage mapping was kept.',
        none: 'Its leads are known from now on.',
        failed: 'The stages could not be read yet; map them later.',
      }[mapping]
    }${sandbox && ' It is a sandbox: nothing is sent from it before somebody says so.'}</p>
${findings.length > 0 && html`<p>What needs your attention there:</p><ul>${findings.map(({ text }) => html`<li>${text}</li>`)}</ul>`}`,
  )}
<p>You can close this page.</p>`,
})

export const connectedAlready = (crm: string): Page => ({
  status: 200,
  title: `${crm} is connected`,
  mood: 'good',
  body: html`<p>This was done a moment ago. You can close this page.</p>`,
})

export const used = ({ used_at }: Invitation): Page => ({
  status: 410,
  title: 'This link was used',
  body: html`<p>It did its work on ${day(used_at)}. If something has to be connected again, ask for a new link.</p>`,
})

export const expired = ({ expires_at }: Invitation): Page => ({
  status: 410,
  title: 'This link has run out',
  body: html`<p>It was good until ${day(expires_at)}. Ask for a new one.</p>`,
})

export const noSuchLink: Page = {
  status: 404,
  title: 'There is no such link',
  body: html`<p>It may have been cut short on its way to you. Copy the whole address, or ask for a new link.</p>`,
}

export const declined = (crm: string, explanation = `The permission was declined on the page of ${crm}.`): Page =>
  failure(`${crm} was not connected`, html`<p>${explanation}</p>${again}`)

export const strangeAnswer = (crm: string): Page =>
  failure(
    'This cannot be finished here',
    html`<p>The answer of ${crm} does not belong to anything that was begun in this browser within the last quarter of an hour.</p>${again}`,
  )

export const answeredBefore = (crm: string): Page => ({
  status: 409,
  title: 'This answer came before',
  body: html`<p>The answer of ${crm} is being worked on, or nothing came of it. If ${crm} is not connected in a minute, open the link that you
were given once more.</p>`,
})

export const wrongAccount = (crm: string, wanted: string, got: string): Page =>
  failure(
    'That was another account',
    html`<p>You signed in to the ${crm} account <strong>${got}</strong>; this link is for <strong>${wanted}</strong>. Sign out there, then
open the link again and choose the right account.</p>`,
  )

export const refused = (crm: string, error: CodedError): Page => {
  const passing = error.retry !== 'never'
  const page = failure(`${crm} was not connected`, html`<p>${error.userText}</p>${again}`)
  return { ...page, status: passing ? 503 : 400 }
}

export const notSignedIn = ({ userText }: CodedError): Page => failure('You were not signed in', html`<p>${userText}</p>`)

const failure = (title: string, body: Html): Page => ({ status: 400, title, mood: 'bad', body })

const day = (at: Date | null) => (at === null ? '' : new Intl.DateTimeFormat('en', { dateStyle: 'long', timeZone: 'UTC' }).format(at))

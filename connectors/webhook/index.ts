/**
 * The generic webhook: any CRM or in-house system that can send an HTTP request. It is never asked for anything: a change
 * shows its record, and there is no history.
 */
import type { Connector, StageGroup } from '../connector.ts'
import { CodedError } from '../errors.ts'
import { example } from './example.ts'
import { normalise, STAGE_SOURCE } from './normalise.ts'
import { parse } from './parse.ts'
import { layOut } from './sample.ts'
import { type WebhookSettings, webhookSettings } from './settings.ts'
import { verify } from './verify.ts'

export const webhook: Connector<WebhookSettings> = {
  manifest: {
    id: 'webhook',
    displayName: 'Webhook',
    leadEventSource: 'Webhook',
    arrival: ['push'],
    history: { quality: 'none', clockToleranceMs: 0 },
    // No request is ever made.
    limits: { default: { count: 1, perMs: 1_000, concurrent: 1 } },
    settings: webhookSettings,
  },
  push: { routing: 'connection', verify, parse, layOut, example },
  classify: () =>
    new CodedError({
      code: 'never_asked',
      retry: 'never',
      scope: 'connection',
      userText: 'A webhook connection only receives; there is nothing that could be asked.',
    }),
  normalise,
  leadEventSource: (settings) => settings.leadEventSource,
  needsPipeline: () => false,
  listStages: async ({ settings }) => stagesOf(settings),
  listFields: async () => [],
  // Nothing is known of the meaning of foreign stages: all are listed, and off.
  defaultMapping: (groups) =>
    groups.flatMap(({ source, pipelineId, stages }) =>
      stages.map(({ id, label }) => ({ source, pipelineId, stageId: id, label, eventName: null, negative: false })),
    ),
  check: async ({ settings }) =>
    settings.auth === 'path'
      ? [{ code: 'weak_authenticity', fatal: false, text: 'Whoever knows the address can send changes. A signature or a secret is safer.' }]
      : [],
}

function stagesOf({ stages }: WebhookSettings): StageGroup[] {
  if (stages.length === 0) return []
  return [
    {
      recordType: 'record',
      source: STAGE_SOURCE,
      label: 'Stage',
      stages: stages.map((id, order) => ({ id, label: id, order, kind: 'open', archived: false })),
    },
  ]
}

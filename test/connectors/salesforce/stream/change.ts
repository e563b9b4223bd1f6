import type { OrgChange } from '../../../simulators/salesforce/change-log.ts'

/** An update of one lead, as an org logs it; what is not said is made up. */
export const change = (given: Partial<OrgChange> = {}): OrgChange => ({
  entity: 'Lead',
  recordIds: ['00QAk000001TestAAA'],
  changeType: 'UPDATE',
  changeOrigin: '',
  transactionKey: '0002b3f1-7a55-9c1e-5d0a-6f2f9f1f8a11',
  sequenceNumber: 1,
  commitTimestamp: 1_795_000_000_123,
  commitNumber: 1_719_876_940_980_994_049n,
  commitUser: '005Ak000001TestAAA',
  changedFields: [],
  nulledFields: [],
  diffFields: [],
  values: {},
  ...given,
})

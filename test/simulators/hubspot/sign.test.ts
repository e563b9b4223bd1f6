import { Signature } from '@hubspot/api-client'
import t from 'tap'
import { signV3 } from './sign.ts'

const secret = 'demo-client-secret-0000'
const url = 'https://capi.example.com/webhooks/hubspot'
const stage =
  '[{"eventId":100001,"subscriptionId":2002,"portalId":3003003,"appId":4004,"occurredAt":1790000000000,"subscriptionType":"object.propertyChange","attemptNumber":0,"objectId":5005,"objectTypeId":"0-1","propertyName":"lifecyclestage","propertyValue":"marketingqualifiedlead","changeSource":"CRM_UI","sourceId":"userId:606"}]'
const published =
  '[{"eventId":531833541,"subscriptionId":3923621,"portalId":48807704,"appId":16111050,"occurredAt":1752613920733,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":138017612137,"changeFlag":"CREATED","changeSource":"CRM_UI","sourceId":"userId:76023669"}]'

t.test('Signatures equal the known ones and those of the API client', (t) => {
  const vectors: [name: string, secret: string, url: string, body: string, timestamp: number, signature: string][] = [
    ['a webhook', secret, url, stage, 1790000000500, '4OABqavvwCcxZPx5yumfDiTo2Y+rgqp90Vfb6SeEIl0='],
    ['a body beyond ASCII', secret, url, '[{"propertyValue":"Größe"}]', 1790000000500, 'L3fVrVFYg9T1RsjntIh64R6rdE4fhy6bviZpHjtprn0='],
    [
      'the example in the request validation guide',
      'cfc68c0b-4b4e-4ef8-b764-95350e4ea479',
      'https://webhook.site/335453f5-94b3-49d9-b684-a55354d4b8df',
      published,
      1752613922216,
      'gbj1XPRvUt0noT7i7fXfTzOD4sLzQmf0VT28ZYq0EYg=',
    ],
  ]
  for (const [name, clientSecret, publicUrl, requestBody, timestamp, signature] of vectors) {
    t.equal(signV3(clientSecret, 'POST', publicUrl, requestBody, timestamp), signature, name)
    const sdk = Signature.getSignature('POST', 'v3', { signature, clientSecret, requestBody, url: publicUrl, timestamp })
    t.equal(sdk, signature, `${name}, by the API client`)
  }
  t.end()
})

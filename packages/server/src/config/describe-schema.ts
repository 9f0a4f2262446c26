import { CONFIG_SECTION } from './schema.ts';
import { inWords, type Section, type Shape } from './shape.ts';

/** The table of all keys in `docs/configuration.md`, a line each. */
export function configTable(): string[] {
  const head = ['| key | value | without it | what it does |', '| --- | --- | --- | --- |'];
  return [...head, ...rowsOf(CONFIG_SECTION, '')];
}

function rowsOf(section: Section, path: string): string[] {
  return Object.entries(section.keys).flatMap(([name, { shape, doc, default: fallback, required }]) => {
    const place = `${path}${name}`;
    const nested = shape.kind === 'list' ? shape.of : shape;
    const value =
      nested.kind !== 'section' ? inWords(shape) : shape.kind === 'list' ? 'a list of sections' : 'a section';
    const without = required ? 'required' : (fallback ?? '');
    const row = `| \`${place}\` | ${value} | ${without} | ${doc} |`;
    const suffix = shape.kind === 'list' ? '[].' : '.';
    return nested.kind === 'section' ? [row, ...rowsOf(nested, `${place}${suffix}`)] : [row];
  });
}

/** The JSON Schema of a configuration file, for editors. */
export function configJsonSchema(): object {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'lunbox.yaml',
    ...jsonOf(CONFIG_SECTION),
  };
}

function jsonOf(shape: Shape): object {
  switch (shape.kind) {
    case 'section':
      return {
        type: 'object',
        additionalProperties: false,
        required: Object.keys(shape.keys).filter((name) => shape.keys[name]?.required),
        properties: Object.fromEntries(
          Object.entries(shape.keys).map(([name, key]) => [
            name,
            { ...jsonOf(key.shape), description: key.doc },
          ]),
        ),
      };
    case 'list':
      return { type: 'array', minItems: 1, items: jsonOf(shape.of) };
    case 'numbers':
      return { type: 'object', additionalProperties: { type: 'integer' } };
    case 'choice':
      return { enum: shape.of };
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
      return { type: 'integer', minimum: shape.min, maximum: shape.max };
    case 'size':
      return { type: ['string', 'integer'] };
    default:
      return { type: 'string', minLength: 1 };
  }
}
